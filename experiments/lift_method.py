"""How a lift report was made, in words for whoever has to trust it; and how its page looks."""

from html import escape

from experiments.lift_report import LiftReport
from experiments.statistics import SRM_THRESHOLD

STYLE = """
:root{color-scheme:light;--ink:#1d2430;--soft:#5d6777;--line:#dfe3e8;--blue:#1f5fa8;--band:#1f5fa826}
*{box-sizing:border-box}body{margin:0;background:#f6f7f9;color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px;background:#fff;overflow-wrap:anywhere}
h1{font-size:24px;line-height:1.25;margin:0 0 8px}h2{font-size:18px;margin:40px 0 12px;border-top:1px solid var(--line);padding-top:20px}
h3{font-size:16px;margin:0}.answer{font-size:20px;line-height:1.35;margin:0 0 12px;color:var(--blue);font-weight:600}
.note,.definition,figcaption{color:var(--soft);font-size:13px}.definition{margin:8px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:20px}
section{border:1px solid var(--line);border-radius:6px;padding:16px}.verdict{font-weight:600;margin:2px 0 8px}
dl{display:grid;grid-template-columns:auto 1fr;gap:2px 12px;margin:0 0 8px}dt{color:var(--soft)}
dd{margin:0;font-variant-numeric:tabular-nums}
figure{margin:0 0 16px}svg{display:block;width:100%;height:auto;max-width:760px}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg .label{fill:var(--ink)}
.grid{stroke:var(--line)}.zero{stroke:#8b94a3;stroke-width:1.4}.band{fill:var(--band)}.line{fill:none;stroke:var(--blue);stroke-width:2}
.limits{stroke:var(--blue);stroke-width:2}.dot{fill:var(--blue)}
.wide{overflow-x:auto}table{overflow-wrap:normal;border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);vertical-align:bottom}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line)}td{vertical-align:top}
td:first-child{white-space:nowrap}td:last-child{min-width:130px}
@media print{body{background:#fff}section{break-inside:avoid}}
"""


def method(found: LiftReport) -> str:
    """Who is compared, what counts, and what the intervals mean."""
    items = "".join(f"<li><b>{escape(name)}</b> {escape(said)}</li>" for name, said in _said(found))
    return f"<h2>How to read this</h2><ul>{items}</ul>"


def _said(found: LiftReport) -> list[tuple[str, str]]:
    asked = found.asked
    gets = "get default content" if asked.holdout.gets_letters else "get no letters"
    return [
        (
            "Who is compared.",
            f"{asked.holdout.share:.0%} of all recipients are held out and {gets}; a salted hash of the mailbox says who, so nobody is put "
            "there by choice and nobody leaves. All others are the personalised. Those who are shown a random choice, for learning, are "
            "among them: that is what personalising costs.",
        ),
        (
            "Who counts.",
            "Whoever was once drawn, from their first letter on, whether or not later letters reached them. People whom letters drove away "
            "stay in the figures of their side.",
        ),
        (
            "What counts.",
            "Purchases are all that a recipient made, whether or not a letter was credited with them. Clicks and unsubscriptions by "
            f"machines do not count. What happened until {asked.wait_until:%Y-%m-%d} has come in; the period ends before it.",
        ),
        (
            "Intervals.",
            "Those of the figures hold at all weekly looks together, with 95 %: they are wider than those of a single look, and nobody "
            "has to promise not to look. Those of cohorts and sends are 95 % intervals of one look. A difference is established when its "
            "interval excludes none.",
        ),
        (
            "Cannot tell yet.",
            f"A lift of {asked.worth:.0%} would not show with a probability of 80 % yet. The number of recipients named is what it takes "
            "for that one, or for the one seen so far where it is larger, in the same length of time and at the same shares.",
        ),
        (
            "The past.",
            "Where what a recipient bought in the 91 days before their first letter tells of what they buy now, it is taken out of both "
            "sides alike (CUPED). The means shown are after that; the difference is estimated without bias either way.",
        ),
        (
            "Sizes.",
            f"{found.held_out:,} of {found.recipients + found.held_out:,} recipients are held out; the probability of a share so far from "
            f"{asked.holdout.share:.0%} is {found.sample_ratio.p_value:.2g}. Below {SRM_THRESHOLD:g} nothing would be said.",
        ),
        ("Not in it.", "Effects of letters on people other than their reader, and costs of making and sending them."),
    ]
