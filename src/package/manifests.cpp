#include "package/manifests.h"

#include "base/error.h"
#include "base/text.h"

namespace hone {

const Manifest kNamespace{"namespace.yaml", R"(apiVersion: v1
kind: Namespace
metadata:
  name: @namespace@
  labels:
    pod-security.kubernetes.io/enforce: restricted
)"};

const Manifest kServiceAccount{"serviceaccount.yaml", R"(apiVersion: v1
kind: ServiceAccount
metadata:
  name: @name@
  namespace: @namespace@
  labels:
    app.kubernetes.io/name: @name@
automountServiceAccountToken: false  # the server asks nothing of the cluster
)"};

namespace {

/// A pod's template, the same for both kinds of workload.
constexpr std::string_view kPodTemplate = R"(  template:
    metadata:
      labels:
        app.kubernetes.io/name: @name@
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8000"
        prometheus.io/path: /metrics
    spec:
      serviceAccountName: @name@
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 35  # 5 s still listening, 25 s for requests that were begun, 5 s to spare
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: server
          image: @image@
          imagePullPolicy: @pull@
          args:
            - --workers=@cpus@  # one for each CPU of the limit below
            - --queue=@queue@  # waiting requests: the memory limit has room for their bodies
            - --max-body=@max_body@  # @max_body_why@
            - --lame-duck=5  # not ready but still listening: until every node has heard that this pod ends
            - --drain=25
          ports:
            - name: http
              containerPort: 8000
          # The server listens once the model is loaded and has repeated its golden samples on this machine. An image
          # whose answers differ here never gets ready: the rollout stops, and the old pods serve on.
          startupProbe:
            httpGet:
              path: /v2/health/ready
              port: http
            periodSeconds: 2
            failureThreshold: @startup@  # @startup_why@
          readinessProbe:
            httpGet:
              path: /v2/health/ready
              port: http
            periodSeconds: 5
            timeoutSeconds: 2
          livenessProbe:  # answers while the process does, whatever the models are at
            httpGet:
              path: /v2/health/live
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          resources:
            requests:
              cpu: @cpu_request@  # @cpu_why@
              memory: @memory_request@  # @memory_why@
            limits:
              cpu: "@cpus@"
              memory: @memory_limit@  # @limit_why@
              @device@
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
)";

}  // namespace

const Manifest kDeployment{"deployment.yaml", R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: @name@
  namespace: @namespace@
  labels:
    app.kubernetes.io/name: @name@
spec:
  replicas: @replicas@
  revisionHistoryLimit: 3
  progressDeadlineSeconds: @deadline@  # @deadline_why@
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: @surge@  # @surge_why@
      maxUnavailable: @unavailable@
  selector:
    matchLabels:
      app.kubernetes.io/name: @name@
)",
                           kPodTemplate};

const Manifest kDaemonSet{"daemonset.yaml", R"(apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: @name@
  namespace: @namespace@
  labels:
    app.kubernetes.io/name: @name@
spec:
  revisionHistoryLimit: 3
  updateStrategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 1  # one node after the other: one that fails its golden samples holds the rest back
  selector:
    matchLabels:
      app.kubernetes.io/name: @name@
)",
                          kPodTemplate};

const Manifest kService{"service.yaml", R"(apiVersion: v1
kind: Service
metadata:
  name: @name@
  namespace: @namespace@
  labels:
    app.kubernetes.io/name: @name@
spec:
  internalTrafficPolicy: @traffic@  # @traffic_why@
  selector:
    app.kubernetes.io/name: @name@
  ports:
    - name: http
      port: 80
      targetPort: http
)"};

const Manifest kDisruptionBudget{"poddisruptionbudget.yaml", R"(apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: @name@
  namespace: @namespace@
  labels:
    app.kubernetes.io/name: @name@
spec:
  maxUnavailable: 1  # nodes can be drained, one pod at a time
  selector:
    matchLabels:
      app.kubernetes.io/name: @name@
)"};

const Manifest kNetworkPolicy{"networkpolicy.yaml", R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: @name@
  namespace: @namespace@
  labels:
    app.kubernetes.io/name: @name@
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: @name@
  policyTypes: [Ingress, Egress]
  ingress:
    - ports:
        - port: http
  egress: []  # the server calls nobody
)"};

std::string render(const Manifest& manifest, const std::map<std::string, std::string>& values) {
  return cat(fill(manifest.text, values), manifest.tail.empty() ? "" : fill(manifest.tail, values));
}

std::string fill(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string out;
  for (const std::string& line : split(text, '\n')) {
    std::string filled;
    size_t at = 0;
    for (;;) {
      const size_t start = line.find('@', at), end = start == std::string::npos ? start : line.find('@', start + 1);
      if (end == std::string::npos) break;
      const auto value = values.find(line.substr(start + 1, end - start - 1));
      if (value == values.end()) throw internal_error(cat("a manifest has no value for '", line, "'"));
      filled += line.substr(at, start - at) + value->second;
      at = end + 1;
    }
    filled += line.substr(at);
    if (at > 0 && trim(filled).empty()) continue;
    out += filled + "\n";
  }
  // The text ended with a newline, behind which split finds an empty line.
  out.pop_back();
  return out;
}

}  // namespace hone
