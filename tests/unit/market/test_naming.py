import pytest

from control_plane.errors import Invalid
from control_plane.market.models.catalogue import LISTINGS
from control_plane.market.models.naming import resolve

KNOWN = [listing.instrument for listing in LISTINGS]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("spot:I-BTC_INR", "spot:I-BTC_INR"),
        ("BTCINR", "spot:I-BTC_INR"),
        ("btc/inr", "spot:I-BTC_INR"),
        (" I-BTC_INR ", "spot:I-BTC_INR"),
        ("SOLUSDT", "fut:B-SOL_USDT"),
        ("fut:BTC/USDT", "fut:B-BTC_USDT"),
        ("Spot:b-btc_usdt", "spot:B-BTC_USDT"),
    ],
)
def test_what_people_type_names_one_instrument(text: str, meant: str) -> None:
    assert resolve(text, KNOWN) == meant


@pytest.mark.parametrize("text", ["BTCUSDT", "BTC/USDT", "B-BTC_USDT"])
def test_a_pair_that_two_markets_have_is_refused_with_both(text: str) -> None:
    with pytest.raises(Invalid, match=r"fut:B-BTC_USDT, spot:B-BTC_USDT") as refusal:
        resolve(text, KNOWN)

    assert refusal.value.field == "instrument"


def test_an_unknown_pair_is_refused_with_those_of_its_coin() -> None:
    with pytest.raises(Invalid, match=r"no instrument 'BTCEUR'.*spot:I-BTC_INR") as refusal:
        resolve("BTCEUR", KNOWN)

    assert "ETH" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", ":", "fut:", "margin:BTCINR", "🙂"])
def test_what_names_nothing_is_refused_with_all_there_are(text: str) -> None:
    with pytest.raises(Invalid, match=r"There are|no instrument"):
        resolve(text, KNOWN)


def test_without_any_instrument_the_refusal_says_so() -> None:
    with pytest.raises(Invalid, match="No feed lists any yet"):
        resolve("BTCINR", [])
