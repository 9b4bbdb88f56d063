#include "compress/match.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "compress/linear.h"
#include "compress/watcher.h"

namespace hone {
namespace {

constexpr size_t kSamples = 64;
constexpr int64_t kPlaces = 64;  ///< of a sample at most

/// Moments of student's rows x: [Cs] and teacher's rows y: [Ct].
struct Moments {
  Matrix xx, xy;

  void add(const float* x, const float* y) {
    for (size_t i = 0; i < xx.rows; ++i) {
      for (size_t j = 0; j < xx.columns; ++j) xx.row(i)[j] += static_cast<double>(x[i]) * static_cast<double>(x[j]);
      for (size_t j = 0; j < xy.columns; ++j) xy.row(i)[j] += static_cast<double>(x[i]) * static_cast<double>(y[j]);
    }
  }
};

bool has_value(const Graph& graph, const std::string& name) {
  try {
    find_value(graph, name);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Names hold colons themselves: the pair is cut where both halves are names.
Match parse(const std::string& pair, const Graph& teacher, const Graph& student) {
  for (size_t at = pair.find(':'); at != std::string::npos; at = pair.find(':', at + 1)) {
    const Match m{pair.substr(0, at), pair.substr(at + 1), {}};
    const bool is_only = pair.find(':') == at && pair.find(':', at + 1) == std::string::npos;
    if (is_only || (has_value(teacher, m.teacher) && has_value(student, m.student))) return m;
  }
  throw invalid_argument(cat("'", pair, "' is no pair of values, expected TEACHER:STUDENT"),
                         "hone profile MODEL shows the names of nodes");
}

std::string name_of(const Graph& graph, const std::string& name) { return graph.value(find_value(graph, name)).name; }

/// Channels of a value of floats whose sizes before them are known.
Dims dims_of(const Graph& graph, const std::string& name) {
  const TensorType& type = graph.type(find_value(graph, name));
  if (type.dtype != DType::kF32 || !type.shape.is_static() || type.shape.rank() < 2)
    throw invalid_argument(cat("'", name, "' is ", to_text(type), ", expected floats of known sizes, channels last"));
  return type.shape.dims();
}

Tensor projector(const Moments& moments) {
  Matrix damped = moments.xx;
  damp(damped, 1e-4);
  const Matrix w = solve(cholesky(damped), moments.xy);
  Tensor out = Tensor::empty(DType::kF32, {static_cast<int64_t>(w.rows), static_cast<int64_t>(w.columns)});
  std::transform(w.data.begin(), w.data.end(), out.mutable_data<float>().begin(),
                 [](double v) { return static_cast<float>(v); });
  return out;
}

}  // namespace

std::vector<Match> find_matches(std::span<const std::string> pairs, const Graph& teacher, const Graph& student,
                                const Evidence& evidence) {
  std::vector<Match> matches;
  std::vector<Moments> moments;
  std::vector<std::pair<std::string, std::string>> watched;
  std::set<std::string> of_teacher, of_student;
  for (const std::string& pair : pairs) {
    const Match m = parse(pair, teacher, student);
    Dims t = dims_of(teacher, m.teacher), s = dims_of(student, m.student);
    const auto rows = static_cast<size_t>(s.back()), columns = static_cast<size_t>(t.back());
    t.back() = s.back();
    if (t != s)
      throw invalid_argument(cat("'", m.teacher, "' of the teacher is ",
                                 to_text(teacher.type(find_value(teacher, m.teacher))), ", '", m.student,
                                 "' of the student ", to_text(student.type(find_value(student, m.student))),
                                 ": expected the same sizes but for the channels"));
    moments.push_back({Matrix(rows, rows), Matrix(rows, columns)});
    // Watched by their own names.
    watched.emplace_back(name_of(teacher, m.teacher), name_of(student, m.student));
    of_teacher.insert(watched.back().first);
    of_student.insert(watched.back().second);
    matches.push_back(m);
  }
  if (matches.empty()) return matches;
  Watcher watch_teacher(teacher, of_teacher, evidence.engine()), watch_student(student, of_student, evidence.engine());
  const size_t total = evidence.samples().count, count = std::min(total, kSamples);
  for (size_t i = 0; i < count; ++i) {
    const std::vector<Tensor> inputs = evidence.samples().inputs(i * total / count);
    const SeenValues t = watch_teacher.run(inputs), s = watch_student.run(inputs);
    for (size_t k = 0; k < matches.size(); ++k) {
      const Tensor &y = t.at(watched[k].first), &x = s.at(watched[k].second);
      const int64_t places = x.elements() / x.dims().back(), step = std::max<int64_t>(places / kPlaces, 1);
      for (int64_t p = 0; p < places; p += step)
        moments[k].add(x.data<float>().data() + p * x.dims().back(), y.data<float>().data() + p * y.dims().back());
    }
  }
  for (size_t k = 0; k < matches.size(); ++k) matches[k].projector = projector(moments[k]);
  return matches;
}

}  // namespace hone
