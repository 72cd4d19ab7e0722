"""The benchmark `rate` tells what arrived, when."""

from benchmarks.rate import Arrived, Storm, figures_of
from benchmarks.rates.worker import letter
from delivery.esp.parts import parts_of


def test_delivered_is_what_arrived_over_the_time_it_took() -> None:
    """An even stream of ten a second is ten a second, and its error is none; a burst shows in its second."""
    even = Arrived([number / 10 for number in range(101)], 0)
    storm = Storm(began=6.0, ended=8.0, calls=60, refused=3)
    stormy = Arrived([at for at in even.at if not 6.0 <= at < 8.0] + [10 + number / 10 for number in range(1, 21)], 1)
    figures = figures_of(10, even, stormy, storm, due=101)
    assert (figures["delivered"], figures["error"], figures["most_in_a_second"]) == (10.0, 0.0, 10)
    assert figures["found"] == {"limit": 10, "delivered": 10.0, "share": 1.0, "throttled": 0.05}
    told = figures["storm"]
    assert isinstance(told, dict)
    assert (told["lost"], told["duplicates"], told["recovered_s"]) == (0, 1, 0.0)
    assert round(told["after"]) == 10


def test_its_letters_are_letters() -> None:
    """Each to an address of its own, as providers want them."""
    parts = parts_of(letter(1, 7))
    assert (parts.to, parts.from_address) == ("r1.7@mail.example", "letters@shop.example")
    assert letter(1, 7).message_id != letter(0, 7).message_id and letter(1, 7).size > 1_000
