# What the tests of the server share; sourced with $hone set. Makes a folder to work in and leaves nothing behind.
work=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill -KILL "$server" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  tail -20 "$work/log" | sed 's/^/server: /' >&2 || true
  exit 1
}

# model FACTOR FILE: y = x · FACTOR
model() {
  mkdir -p "$(dirname "$2")"
  printf 'graph "m" {\n  input %%x: f32[4]\n  const %%k: f32[4] = fill(%s)\n  %%y: f32[4] = Mul(%%x, %%k)\n  output %%y\n}\n' "$1" > "$2.new"
  mv "$2.new" "$2"
}

# slow_model FILE: some 300 million multiplications
slow_model() {
  cat > "$1" << 'END'
graph "slow" {
  input %x: f32[4,1]
  const %a: f32[1,1024] = random(1)
  const %b: f32[512,4] = random(2)
  const %c: f32[1024,512] = random(3)
  const %axes: i64[2] = {0, 1}
  %p: f32[4,1024] = MatMul(%x, %a)
  %q: f32[512,1024] = MatMul(%b, %p)
  %r: f32[512,512] = MatMul(%q, %c)
  %y: f32[1,1] = ReduceMean(%r, %axes)
  output %y
}
END
}

# start OPTION...: the server, on a free port that ends up in $url, and $grpc where it speaks that
start() {
  : > log
  "$hone" serve "$@" --http-port 0 2> log &
  server=$!
  for _ in $(seq 3000); do
    url=$(sed -n 's/^listening on http/http/p' log)
    grpc=$(sed -n 's,^listening on grpcs*://,,p' log)
    [ -z "$url" ] || return 0
    kill -0 "$server" 2> /dev/null || fail "the server ended"
    sleep 0.02
  done
  fail "the server does not listen"
}

# stop CODE: SIGTERM, and the exit status that it must have
stop() {
  kill -TERM "$server"
  local code=0
  wait "$server" || code=$?
  server=
  [ "$code" = "$1" ] || fail "exit status $code, expected $1"
}

# expect WANTED CURL-ARGUMENT...: the status and what the answer contains, "200 text"
expect() {
  local wanted=$1 answer
  shift
  answer=$(curl -s -m 20 -w '\n%{http_code}' "$@") || fail "curl $*: $answer"
  [ "$(tail -1 <<< "$answer")" = "${wanted%% *}" ] || fail "curl $*: $answer, expected $wanted"
  grep -qF -- "${wanted#* }" <<< "$answer" || fail "curl $*: $answer, expected $wanted"
}
