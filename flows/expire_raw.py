"""Let raw payloads expire, what came of visitors whom nobody could identify, and what refreshes decided that nobody saw."""

from datetime import timedelta

from prefect import flow, get_run_logger

from flows.expire_refreshes import expire_refreshes
from runtime.clock import now
from runtime.house import House, shared_house
from storage.retention import Expired, Retention


@flow(name="expire-raw")
def expire_raw() -> int:
    """Expire what is older than the settings allow; returns how many payloads. Repeating changes nothing."""
    house = shared_house()
    expired, refreshes = expire_old(house), expire_refreshes(house, now())
    get_run_logger().info("expired: %s; what %d refreshes decided and nobody saw", expired, refreshes)
    return expired.payloads


def expire_old(house: House) -> Expired:
    """`expire_raw` for those who have the house open."""
    settings, at = house.settings, now()
    raw, unknown = timedelta(days=settings.raw_days), timedelta(days=settings.unknown_days)
    return Retention(house.database).expire(raw_before=at - raw, unknown_before=at - unknown)
