#!/bin/bash
# Opens the example report in headless Chromium: no console messages, a picture at desktop width, a PDF, and no sideways
# scrolling on a phone (375 px).
#
#   screenshot_test.sh RENDER_REPORT [KEEP_DIR]
#
# Exit status 77 (skipped) where there is no Chromium. With KEEP_DIR the pictures stay there to be looked at.
set -euo pipefail

render=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

browser=
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" > /dev/null; then browser=$name; break; fi
done
if [ -z "$browser" ]; then
  echo "SKIPPED: no chromium found (apt-get install chromium)"
  exit 77
fi

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Runs the browser with the given flags on a page; its messages go to $work/log.
browse() {
  timeout 90 "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars \
    --user-data-dir="$work/profile" --enable-logging=stderr --v=0 "$@" 2> "$work/log" || fail "$browser: $(tail -5 "$work/log")"
}

# Did the page itself say anything on the console?
check_console() {
  if grep -a "CONSOLE" "$work/log"; then fail "console messages at $1"; fi
}

# A PNG that shows something: a blank page of this size packs to a tenth of the limit.
check_picture() {
  [ -s "$1" ] || fail "$1 is missing or empty"
  [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] || fail "$1 is no PNG"
  [ "$(stat -c %s "$1")" -gt 100000 ] || fail "$1 is only $(stat -c %s "$1") bytes: a blank page?"
}

"$render" "$work/report.html"

browse --window-size=1280,3400 --screenshot="$work/desktop.png" "file://$work/report.html"
check_console "1280 px"
check_picture "$work/desktop.png"

# Headless windows are at least 500 px wide, so the phone is a frame; it also reports its own scroll width.
cat > "$work/phone.html" << 'HTML'
<body style="margin:0"><iframe src="report.html" style="width:375px;height:5800px;border:0"></iframe><p></p><script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.querySelector("p").textContent = "scroll width " + page.scrollWidth + " of " + page.clientWidth;
};
</script></body>
HTML
browse --allow-file-access-from-files --window-size=500,5800 --screenshot="$work/phone.png" "file://$work/phone.html"
check_console "375 px"
check_picture "$work/phone.png"
browse --allow-file-access-from-files --dump-dom "file://$work/phone.html" > "$work/phone.txt"
grep -q "scroll width 375 of 375" "$work/phone.txt" || fail "phone: $(grep -o 'scroll width[^<]*' "$work/phone.txt")"

browse --no-pdf-header-footer --print-to-pdf="$work/report.pdf" "file://$work/report.html"
check_console "print"
[ "$(head -c 5 "$work/report.pdf")" = "%PDF-" ] || fail "no PDF was printed"

if [ $# -ge 2 ]; then
  mkdir -p "$2"
  cp "$work"/report.html "$work"/*.png "$work"/report.pdf "$2"
fi
echo "PASSED: no console messages, desktop, phone and print rendered"
