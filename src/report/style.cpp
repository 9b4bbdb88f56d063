#include "report/style.h"

namespace hone::report {

std::string_view style_sheet() {
  return R"css(
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --ink: #15191d; --soft: #59636c; --line: #d9dcdd; --track: #eff0ee;
  --accent: #00666e; --accent-soft: #00666e22; --bad: #b23a1e; --kept: #7d8b95; --base: #15191d;
  --sans: "Inter", "Helvetica Neue", "Segoe UI", system-ui, "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101417; --ink: #e9ecee; --soft: #98a4ad; --line: #2b3338; --track: #1a2024;
    --accent: #4fc9cd; --accent-soft: #4fc9cd2b; --bad: #f08a6b; --kept: #7c8a94; --base: #e9ecee;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 var(--sans);
  font-variant-numeric: tabular-nums; }
main, footer { max-width: 1080px; margin: 0 auto; padding: 0 32px; }
a { color: inherit; }
small { font-size: .8125rem; color: var(--soft); }
code, pre { font-family: var(--mono); font-size: .8125rem; }
code { overflow-wrap: anywhere; }
.ruler { display: block; width: 100%; height: 12px; color: var(--soft); opacity: .55; }

header { padding: 40px 0 48px; }
.kicker { display: flex; justify-content: space-between; gap: 16px; flex-wrap: wrap; margin: 0 0 40px;
  font-size: .8125rem; color: var(--soft); }
.kicker b { color: var(--ink); font-weight: 650; letter-spacing: .01em; }
h1 { margin: 0 0 12px; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
.verdict { margin: 0; max-width: 25em; font-size: clamp(1.5rem, 1.05rem + 2vw, 2.25rem); line-height: 1.22;
  font-weight: 400; letter-spacing: -.015em; text-wrap: pretty; }
.verdict b { font-weight: 600; color: var(--accent); }
.unbroken { white-space: nowrap; }
.verdict.none b { color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); margin: 0; border-top: 1px solid var(--ink);
  border-bottom: 1px solid var(--line); }
.figures div { padding: 16px 16px 20px 0; }
.figures div + div { padding-left: 20px; border-left: 1px solid var(--line); }
.figures dt { font-size: .8125rem; color: var(--soft); }
.figures dd { margin: 0; }
.figures .big { font-size: 2.5rem; line-height: 1.2; font-weight: 300; letter-spacing: -.03em; white-space: nowrap; }
.figures .big small { font-size: 1.125rem; letter-spacing: 0; color: inherit; }

section { display: grid; grid-template-columns: 220px minmax(0, 1fr); gap: 12px 48px; padding: 44px 0;
  border-bottom: 1px solid var(--line); }
section:last-of-type { border-bottom: 0; }
h2 { margin: 0 0 8px; font-size: 1.0625rem; font-weight: 650; line-height: 1.3; }
.note { margin: 0 0 8px; font-size: .875rem; line-height: 1.5; color: var(--soft); }

table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
th { padding: 0 0 8px; text-align: right; font-size: .8125rem; font-weight: 400; color: var(--soft);
  vertical-align: bottom; }
td { padding: 10px 0 10px 18px; border-top: 1px solid var(--line); text-align: right; vertical-align: top; }
td small { display: block; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead + tbody tr:first-child td { border-top-color: var(--ink); }
.compare td:nth-child(3) { font-weight: 600; }
.classes td:nth-child(3) { font-weight: 400; } .classes td:nth-child(4) { font-weight: 600; }
.compare td small { font-weight: 400; }
td.reason { text-align: left; color: var(--soft); font-size: .875rem; line-height: 1.4; max-width: 17em; }
tr.chosen td:first-child { font-weight: 650; color: var(--accent); }
tr.rejected td:first-child { color: var(--soft); }
.shape { width: 13px; height: 13px; margin-right: 8px; vertical-align: -1px; overflow: visible; }
.candidates td { white-space: nowrap; }
.candidates td:first-child, .candidates td.reason { white-space: normal; }
.candidates td:first-child { padding-left: 21px; text-indent: -21px; }

svg text { font-family: var(--sans); fill: var(--ink); font-variant-numeric: tabular-nums; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot.narrow, .key { display: none; }
.tick, svg .axis-name { fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 1; }
.axis, .mark-x { stroke: var(--ink); stroke-width: 1; }
.budget { stroke: var(--bad); stroke-width: 1.25; stroke-dasharray: 5 3; }
svg .budget-name { fill: var(--bad); }
.forbidden { fill: url(#hatch); }
#hatch path { stroke: var(--bad); stroke-width: 1; opacity: .22; }
.frontier { fill: none; stroke: var(--accent); stroke-width: 1; opacity: .55; }
.error { stroke-width: 1; stroke: var(--kept); opacity: .75; }
.error.base { stroke: var(--base); } .error.chosen { stroke: var(--accent); stroke-width: 1.5; opacity: 1; }
.error.rejected { stroke: var(--bad); opacity: .45; }
.dot { stroke-width: 1.5; stroke: var(--paper); }
.dot.kept { fill: var(--kept); } .dot.base { fill: var(--base); } .dot.chosen { fill: var(--accent); }
.dot.rejected { fill: var(--paper); stroke: var(--bad); }
.halo { fill: var(--accent-soft); }
.leader { stroke: var(--soft); stroke-width: .75; opacity: .8; }
.plot .name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
svg .name.chosen { fill: var(--accent); font-weight: 650; } svg .name.rejected { fill: var(--bad); }

.bars { list-style: none; margin: 0; padding: 0; font-size: .9375rem; }
.bars li { display: grid; grid-template-columns: minmax(0, 15.5em) minmax(0, 1fr) 9em; gap: 0 18px; align-items: center;
  padding: 5px 0; }
.bars.layers li { grid-template-columns: minmax(0, 20em) minmax(0, 1fr) 12.5em; }
.bars .bar { display: block; width: 100%; height: 12px; }
.bar .track, .gauge .track { fill: var(--track); }
.bar .fill { fill: var(--kept); }
.base .fill { fill: var(--base); } .chosen .fill { fill: var(--accent); }
.rejected .fill { fill: var(--kept); opacity: .45; }
.bars .chosen .bar-name { font-weight: 650; color: var(--accent); }
.bars.layers .chosen .bar-name { font-weight: 400; color: inherit; }
.bars .rejected .bar-name { color: var(--soft); }
.bar-name { line-height: 1.35; }
.bar-value { white-space: nowrap; }
.bar-value b { font-weight: 600; }
.tag { color: var(--accent); white-space: nowrap; }

.gauge { display: block; width: 100%; height: 84px; margin: 0 0 20px; font-size: 12px; overflow: visible; }
.gauge .rule { stroke: var(--soft); }
.gauge .zero { stroke: var(--ink); stroke-width: 1; }
.gauge .interval { fill: var(--accent); opacity: .35; }
.gauge .needle { stroke: var(--accent); stroke-width: 3; }
.gauge .reading { fill: var(--accent); font-size: 14px; font-weight: 650; }

pre { margin: 0 0 24px; padding: 14px 16px; background: var(--track); white-space: pre-wrap; overflow-wrap: anywhere;
  line-height: 1.55; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 24px; margin: 0 0 28px;
  font-size: .9375rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.files td:first-child { overflow-wrap: anywhere; }
.files small { white-space: normal; overflow-wrap: anywhere; font-family: var(--mono); font-size: .75rem; }
.yes { color: var(--accent); font-weight: 600; } .no { color: var(--bad); font-weight: 600; }
footer { padding-top: 20px; padding-bottom: 56px; font-size: .8125rem; color: var(--soft); }

@media screen and (max-width: 860px) {
  section { grid-template-columns: minmax(0, 1fr); padding: 36px 0; }
  .note { max-width: 38em; }
}
@media screen and (max-width: 640px) {
  main, footer { padding: 0 18px; }
  header { padding: 24px 0 32px; }
  .kicker { margin-bottom: 28px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures div:nth-child(odd) { padding-left: 0; border-left: 0; }
  .figures div:nth-child(n+3) { border-top: 1px solid var(--line); }
  .figures .big { font-size: 2rem; }
  .plot.wide { display: none; } .plot.narrow { display: block; }
  .key { display: grid; grid-template-columns: max-content minmax(0, 1fr) max-content; gap: 6px 10px; margin: 16px 0 0;
    padding: 0; list-style: none; font-size: .875rem; }
  .key li { display: contents; }
  .key span:last-child { text-align: right; color: var(--soft); }
  .key span:nth-child(2) { display: flex; align-items: baseline; } .key .shape { flex: none; }
  .key .chosen b { color: var(--accent); }
  .compare, .compare small { font-size: .8125rem; } .compare td + td, .compare th + th { padding-left: 8px; }
  .compare td small { font-size: .75rem; }
  .bars li, .bars.layers li { grid-template-columns: minmax(0, 1fr) max-content; gap: 3px 12px; padding: 8px 0; }
  .bars .bar { grid-row: 2; grid-column: 1 / -1; }
  .candidates thead { display: none; }
  .candidates, .candidates tbody { display: block; }
  .candidates tr { display: grid; grid-template-columns: repeat(6, 1fr); gap: 10px 12px; padding: 16px 0;
    border-top: 1px solid var(--line); }
  .candidates tr:first-child { border-top-color: var(--ink); }
  .candidates td { display: block; padding: 0; border: 0; text-align: left; grid-column: span 2; }
  .candidates td:nth-child(2), .candidates td:nth-child(3) { grid-column: span 3; }
  .candidates td:first-child, .candidates td.reason { grid-column: 1 / -1; max-width: none; }
  .candidates td:first-child { font-size: 1rem; padding-left: 21px; }
  .candidates td[data-name]::before { content: attr(data-name); display: block; font-size: .75rem; color: var(--soft); }
  .candidates td.empty { display: none; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts dd { margin-bottom: 10px; }
}
@page { margin: 15mm 14mm; }
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #15191d; --soft: #505a62; --line: #cfd3d5; --track: #eef0ef;
    --accent: #00666e; --accent-soft: #00666e22; --bad: #b23a1e; --kept: #7d8b95; --base: #15191d; }
  html { font-size: 12.5px; }
  body { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main, footer { max-width: none; padding: 0; }
  header { padding: 12px 0 24px; } .kicker { margin-bottom: 20px; }
  .verdict { max-width: none; font-size: 1.75rem; } .figures .big { font-size: 2.25rem; }
  /* The plot does not break: after the figures it fills the first page, and what follows it may break anywhere. */
  main { display: flex; flex-direction: column; }
  header, .figures { order: -2; } .plots { order: -1; }
  section { display: block; padding: 18px 0; }
  .note { max-width: 60em; }
  td { padding-top: 6px; padding-bottom: 6px; } .bars li { padding: 2.5px 0; }
  .plot.wide { max-height: 105mm; }
  .bars.layers li { grid-template-columns: minmax(0, 19em) minmax(0, 1fr) 12.5em; }
  .plot, .gauge, .figures, .compare, tr, li, pre { break-inside: avoid; }
  section > div:first-child { break-inside: avoid; break-after: avoid; }
  h2, .note { break-inside: avoid; break-after: avoid; }
  footer { padding-bottom: 0; }
}
)css";
}

std::string_view css_class(Status status) {
  switch (status) {
    case Status::kBaseline:
      return "base";
    case Status::kChosen:
      return "chosen";
    case Status::kRejected:
      return "rejected";
    case Status::kKept:
      break;
  }
  return "kept";
}

std::string_view svg_definitions() {
  return R"svg(<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V7"/></pattern>
<pattern id="ticks" width="50" height="12" patternUnits="userSpaceOnUse"><path d="M.5 0V12M10.5 0V5M20.5 0V5M30.5 0V5M40.5 0V5" stroke="currentColor"/></pattern>
</defs></svg>
)svg";
}

}  // namespace hone::report
