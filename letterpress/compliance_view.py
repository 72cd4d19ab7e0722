"""The report of a check as people read it: what stops the send first; a finding's place on a line of its own, for editors to follow."""

from rich.text import Text

from delivery.compliance.report import Finding, Level, Report

_STYLES = {Level.STOP: "bold red", Level.WARN: "yellow", Level.UNCHECKED: "dim", Level.PASS: "green"}
_SAID = {Level.STOP: "stop", Level.WARN: "warn", Level.UNCHECKED: "not checked", Level.PASS: "pass"}
_ORDER = (Level.STOP, Level.WARN, Level.UNCHECKED, Level.PASS)


def lines(report: Report, *, everything: bool) -> Text:
    """The findings by weight and the verdict; what passed only if `everything`."""
    shown = [one for level in _ORDER for one in report.findings if one.level is level and (everything or level is not Level.PASS)]
    found = Text("\n").join((*map(_line, shown), _verdict(report)))
    found.no_wrap = True
    return found


def _line(one: Finding) -> Text:
    text = Text.assemble((f"{_SAID[one.level]:<11} ", _STYLES[one.level]), (f"{one.check}", "bold"), f"  {one.found}")
    for more in (one.where, one.hint):
        if more:
            text.append(f"\n{'':<12}{more}", "dim")
    return text


def _verdict(report: Report) -> Text:
    counts = report.counts
    said = ", ".join(f"{counts[level]} {_SAID[level]}" for level in _ORDER)
    verdict = "a send would be stopped" if counts[Level.STOP] else "nothing stops a send"
    return Text(f"{report.campaign}: {verdict}; {said}, over {report.letters} sample letters")
