"""Let raw payloads expire, and what came of visitors whom nobody could identify."""

from datetime import timedelta

from prefect import flow, get_run_logger

from runtime.clock import now
from runtime.house import House, shared_house
from storage.retention import Expired, Retention


@flow(name="expire-raw")
def expire_raw() -> int:
    """Expire what is older than the settings allow; returns how many payloads. Repeating changes nothing."""
    expired = expire_old(shared_house())
    get_run_logger().info("expired: %s", expired)
    return expired.payloads


def expire_old(house: House) -> Expired:
    """`expire_raw` for those who have the house open."""
    settings, at = house.settings, now()
    raw, unknown = timedelta(days=settings.raw_days), timedelta(days=settings.unknown_days)
    return Retention(house.database).expire(raw_before=at - raw, unknown_before=at - unknown)
