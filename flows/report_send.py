"""Report on a send: what each arm did, and what personalising gained over the holdout."""

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
        stand = house.ledger.statuses(send.send_id, recipients)
        handed_off = {recipient for recipient, status in stand.items() if status is MessageStatus.ACCEPTED}
        counts.append(count_arms(audience, handed_off, clicked & set(recipients)))
    shares = expected_shares(campaign.holdout, campaign.policy.explore, send.rollout_share)
    if not campaign.holdout.gets_letters:
        shares.pop(Arm.HOLDOUT)
    return report_send(send.send_id, add_up(counts), shares)
