"""Report on a send: what each arm did, and what personalising gained over the holdout."""

from domain.campaign import Surface
from domain.decision import Arm
from domain.event import OutcomeKind
from domain.ids import RecipientId
from domain.message import MessageStatus
from domain.send import Send
from experiments.assignment import expected_shares
from experiments.report import SendReport, add_up, count_arms, report_send
from flows.attribute_outcomes import attribute_send
from flows.run_stage import shard_name
from runtime.house import House


def report_on(house: House, send: Send) -> SendReport:
    """The report of a send from the clicks received so far."""
    attribute_send(house, send)
    campaign = house.contents.load(send.content_version).campaign
    outcomes = house.lake.dataset("outcomes", {"send_id": send.send_id}).to_table(columns=["recipient_id", "kind"]).to_pandas()
    clicked = set(outcomes.loc[outcomes["kind"] == OutcomeKind.CLICK.value, "recipient_id"])
    counts = []
    for shard in sorted(house.sends.finished_shards(send.send_id, "audience")):
        audience = house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard))
        recipients = [RecipientId(one) for one in audience["recipient_id"]]
        counts.append(count_arms(audience, reached(house, send, recipients), clicked & set(recipients)))
    shares = expected_shares(campaign.holdout, campaign.policy.explore, send.rollout_share)
    if not campaign.holdout.gets_letters and send.surface is Surface.MAIL:
        shares.pop(Arm.HOLDOUT)
    return report_send(send.send_id, add_up(counts), shares)


def reached(house: House, send: Send, recipients: list[RecipientId]) -> set[RecipientId]:
    """Those whose letter was handed off; of a refresh, those who saw any of it."""
    if send.surface is Surface.WEB:
        seen = house.lake.dataset("decisions", {"send_id": send.send_id}).to_table(columns=["recipient_id"])["recipient_id"]
        return set(recipients) & {RecipientId(str(who)) for who in seen.to_pylist()}
    stand = house.ledger.statuses(send.send_id, recipients)
    return {recipient for recipient, status in stand.items() if status is MessageStatus.ACCEPTED}
