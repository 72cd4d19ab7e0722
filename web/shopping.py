"""What Segment's e-commerce events say about products. Pure.

Names and properties are those of the spec "Ecommerce Events, version 2", by which RudderStack goes as well.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from domain.event import EventKind
from domain.ids import imported_id_of
from domain.site_event import Purchase, Refund, RefundLine
from web.segment_values import identifier, mapping, number, sequence, text

KINDS: Mapping[str, EventKind] = {
    "placement viewed": EventKind.SHOWN,
    "placement clicked": EventKind.CLICKED,
    "product viewed": EventKind.PAGE_VIEWED,
    "product list viewed": EventKind.PAGE_VIEWED,
    "products searched": EventKind.SEARCHED,
    "product added": EventKind.ADDED_TO_CART,
    "product removed": EventKind.REMOVED_FROM_CART,
    "cart viewed": EventKind.CART_VIEWED,
    "product added to wishlist": EventKind.ADDED_TO_WISHLIST,
    "dwell": EventKind.DWELLED,  # Dwell and Scroll are ours: the spec has no word for them
    "scroll": EventKind.SCROLLED,
    "order completed": EventKind.PURCHASED,
    "order refunded": EventKind.REFUNDED,
}
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST_PRODUCTS = 1_000  # of one order


def kind_of(event: object) -> EventKind:
    """The kind of a tracked event by its name: `Order Completed`, `order_completed` and `OrderCompleted` are one."""
    name = text(event) or ""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return KINDS.get(" ".join(re.split(r"[\W_]+", words)).strip().casefold(), EventKind.UNKNOWN)


def item_of(product: Mapping[str, Any]) -> str | None:
    """A product's id: `product_id`, else `sku`, else its name."""
    return next((found for key in ("product_id", "productId", "id", "sku", "name") if (found := text(product.get(key)))), None)


def purchases_of(properties: Mapping[str, Any], source: str, message: str) -> tuple[Purchase, ...]:
    """One purchase per product of a completed order; one for the whole order where no product is told.

    An order is known by `order_id`: told twice, say by the browser and by the shop's server, it is bought once. The id is that
    of an import named as the source with `order_id || ':' || product_id` as purchase_id, so an overlap counts once too.
    """
    order = identifier(properties.get("order_id")) or identifier(properties.get("orderId")) or message
    currency = _currency(properties.get("currency"))
    products = [mapping(product) for product in sequence(properties.get("products"))[:_MOST_PRODUCTS]] or _alone(properties, order)
    seen: Counter[str] = Counter()
    return tuple(_lines(products, order, source, currency, seen))


def refund_of(properties: Mapping[str, Any]) -> Refund | None:
    """What an `Order Refunded` gives back; None if it names no order. Amounts are above 0 there, and some shops write them below."""
    order = identifier(properties.get("order_id")) or identifier(properties.get("orderId"))
    if order is None:
        return None
    currency = _currency(properties.get("currency"))
    products = (mapping(product) for product in sequence(properties.get("products"))[:_MOST_PRODUCTS])
    lines = tuple(line for product in products if (line := _given_back(product)))
    total = next((abs(told) for name in ("total", "revenue", "value") if (told := number(properties.get(name))) is not None), None)
    return Refund(order, lines, total, currency)


def _given_back(product: Mapping[str, Any]) -> RefundLine | None:
    item, price, quantity = item_of(product), number(product.get("price")), number(product.get("quantity"))
    if item is None:
        return None
    quantity = abs(quantity) if quantity else None
    amount = None if price is None else round(abs(price) * (quantity or 1.0), 4)
    return RefundLine(item, text(product.get("category")), quantity, amount, _currency(product.get("currency")))


def _lines(products: list[Mapping[str, Any]], order: str, source: str, currency: str | None, seen: Counter[str]) -> Iterator[Purchase]:
    for product in products:
        item = item_of(product)
        if item is None:
            continue
        seen[item] += 1
        own = f"{order}:{item}" + (f":{seen[item]}" if seen[item] > 1 else "")
        quantity = number(product.get("quantity"))
        quantity = 1.0 if quantity is None or quantity <= 0 else quantity
        yield Purchase(
            purchase_id=imported_id_of("purchase", source, own),
            item=item,
            category=text(product.get("category")),
            quantity=quantity,
            amount=round((number(product.get("price")) or 0.0) * quantity, 4),
            currency=_currency(product.get("currency")) or currency,
        )


def _alone(properties: Mapping[str, Any], order: str) -> list[Mapping[str, Any]]:
    """An order without products: its revenue, or else total or value, for the product it names or for the order itself."""
    paid = next((told for name in ("revenue", "total", "value") if (told := number(properties.get(name))) is not None), None)
    quantity = number(properties.get("quantity")) or 1.0
    if paid is None:
        return [properties] if properties.get("product_id") or properties.get("sku") else []
    item = text(properties.get("product_id")) or text(properties.get("sku")) or order
    return [{"product_id": item, "category": properties.get("category"), "quantity": quantity, "price": paid / max(quantity, 1e-9)}]


def _currency(value: object) -> str | None:
    told = (text(value) or "").upper()
    return told if _CURRENCY.fullmatch(told) else None
