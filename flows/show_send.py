"""Show a finished send on its run's page: the account, the shares of variants, and a letter as it was printed."""

from collections import Counter, defaultdict
from email import message_from_bytes, policy

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from delivery.account import Account
from delivery.picture import View, find_chromium, picture_of
from domain.message import Letter
from domain.send import Send
from flows.print_sample import print_sample
from flows.show_artifact import artifact_key, show_picture
from runtime.house import House


def show_send(house: House, send: Send, account: Account) -> None:
    """Three artifacts, without personal data."""
    name = send.send_id
    create_markdown_artifact(
        account_as_markdown(send, account), key=artifact_key("account", name), description="Where each recipient stands"
    )
    create_table_artifact(
        variant_shares(house, send), key=artifact_key("variants", name), description="Which variants were chosen, by placement"
    )
    if find_chromium():
        picture = picture_of(html_of(print_sample(house, send)), View(width=600))
        show_picture(picture, artifact_key("letter", name), "A letter of this send")


def account_as_markdown(send: Send, account: Account) -> str:
    """The account as a table of counts with reasons."""
    rows = [("audience", account.audience), ("handed off", account.handed_off)]
    for name in ("excluded", "failed", "unknown"):
        rows += [(f"{name}: {reason}", count) for reason, count in getattr(account, name).items()]
    rows += [("pending", account.pending)]
    table = "\n".join(f"| {name} | {count:,} |" for name, count in rows)
    check = "adds up" if account.adds_up else "DOES NOT ADD UP"
    model = f"Model: {send.model_version or 'none, so every choice was uniform'}."
    if send.candidate_version:
        model += f" Candidate: {send.candidate_version}, for {send.rollout_share:.0%} of those outside the holdout."
    return f"# {send.send_id}\n\n| recipients | count |\n|---|---:|\n{table}\n\nThe account {check}. {model}\n"


def variant_shares(house: House, send: Send) -> list[dict[str, str | int]]:
    """One row per placement and variant: how often it was chosen, and its share."""
    totals: Counter[str] = Counter()
    for counts in house.sends.finished_shards(send.send_id, "decisions").values():
        totals.update({name: count for name, count in counts.items() if "/" in name})
    by_placement: dict[str, int] = defaultdict(int)
    for name, count in totals.items():
        by_placement[name.partition("/")[0]] += count
    return [
        {"placement": placement, "variant": variant, "chosen": count, "share": f"{count / by_placement[placement]:.1%}"}
        for (placement, _, variant), count in sorted((name.partition("/"), count) for name, count in totals.items())
    ]


def html_of(letter: Letter) -> str:
    """The HTML part of a letter."""
    part = message_from_bytes(letter.mime, policy=policy.default).get_body(("html",))
    return part.get_content() if part else ""
