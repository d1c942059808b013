"""The customer page: find a customer, and see who they are, what they spend and what they did last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from customer360.customers import (
    ChurnExplanation,
    CustomerHistory,
    CustomerProfile,
    Reason,
    explain_profile,
    find_customers,
    get_customer,
    get_history,
    latest_transactions,
    list_identities,
    list_search_fields,
    monthly_spending,
)
from customer360.errors import NotFound
from customer360.semantic import Figures, Reading, SemanticResult
from customer360.ui import frame, grid
from customer360.ui.trend import is_running, spending_chart
from customer360.ui.wording import as_html, as_markdown, change, counted

SHOWN_AT_START = 10
SHOWN_HITS = 20
LONGEST_SEARCH = 200
FIELD_NAMES = {"customer_id": "id", "full_name": "name", "email": "e-mail address"}
BADGES = {
    "Active": (":material/check_circle:", "green"),
    "Recent": (":material/schedule:", "blue"),
    "At Risk": (":material/warning:", "orange"),
    "Inactive": (":material/do_not_disturb_on:", "gray"),
}
PLACE = ("city", "state", "country", "region")
DETAILS = {
    "email": "E-mail address",
    "age": "Age",
    "customer_type": "Kind of customer",
    "customer_segment": "Segment",
    "segment_assigned_date": "In the segment since",
    "spending_profile": "Spends mostly on",
    "preferred_category": "Category of the last 90 days",
    "market_segment": "Market",
    "customer_tier": "Tier",
    "engagement_level": "Engagement",
    "activity_status": "Activity",
    "acquisition_channel": "Won through",
    "open_cart_count": "Open baskets",
    "open_cart_value": "Value of the open baskets",
    "employment_status": "Employment",
    "card_type": "Card",
    "credit_limit": "Credit limit",
    "credit_utilization_pct": "Monthly spend, share of the limit",
    "account_open_date": "Account opened on",
    "first_transaction_date": "First transaction on",
    "tenure_months": "Months as a customer",
    "declined_transactions": "Declined transactions",
    "product_count": "Products held",
    "data_quality_score": "Data quality, of 100",
}
DRAWN = ' <span class="c360-drawn">simulated</span>'
TRANSACTIONS = {
    "transaction_date": "Date",
    "transaction_amount": "Amount",
    "attempted_amount": "Attempted",
    "product_name": "Product",
    "merchant_name": "Merchant",
    "quantity": "Quantity",
    "category_name": "Category",
    "transaction_type": "Type",
    "status": "Status",
    "channel": "Channel",
    "order_id": "Order",
    "transaction_id": "Transaction",
}
VARY = ("status", "channel")
"""Columns that say nothing where all rows agree."""
IDENTITIES = {
    "identity_source": "System",
    "source_customer_id": "Id there",
    "match_rule": "Found by",
    "match_confidence": "Confidence",
}
VERSIONS = {"version_number": "Version", "valid_from": "From (UTC)", "valid_to": "Until (UTC)"}
MONTHS = {"transaction_date_month": "Month from", "total_spend": "Net spend", "transaction_count": "Transactions"}


def show(reading: Reading) -> None:
    """Show the search and, below it, a customer or a list to pick from; the address says which."""
    fields = list_search_fields(reading)
    text = _search_box(fields)
    chosen = st.query_params.get("customer")
    if chosen:
        _chosen(reading, chosen, text)
    elif text:
        _hits(reading, text, fields)
    else:
        _start(reading)


def _search_box(fields: list[str]) -> str:
    known = " or ".join(FIELD_NAMES[name] for name in fields)
    text = st.text_input(
        "Find a customer",
        key="search",
        type="search",
        icon=":material/search:",
        placeholder=f"Any part of a customer's {known}",
        max_chars=LONGEST_SEARCH,
        on_change=_forget_customer,
        bind="query-params",
    )
    return (text or "").strip()


def _forget_customer() -> None:
    st.query_params.pop("customer", None)


def _choose(customer_id: str) -> None:
    st.query_params["customer"] = customer_id


def _chosen(reading: Reading, customer_id: str, text: str) -> None:
    back = f"Back to the results for “{as_markdown(text)}”" if text else "All customers"
    st.button(back, icon=":material/arrow_back:", type="tertiary", on_click=_forget_customer, key="back")
    try:
        history = get_history(reading, customer_id)
    except NotFound:
        frame.notice(
            f"There is no customer {customer_id} in this build.",
            "Search for a part of the id above, or go back to the list.",
        )
    else:
        _profile(reading, history)


def _find(reading: Reading, customer_id: str) -> CustomerProfile | None:
    try:
        return get_customer(reading, customer_id)
    except NotFound:
        return None


def _start(reading: Reading) -> None:
    answer = find_customers(reading, "", limit=SHOWN_AT_START)
    st.subheader("Largest customers by lifetime value", anchor=False)
    _pick_list(answer, reading.figures)
    total = counted(answer.rows_available, "customer", reading.figures)
    _note(f"The first {reading.figures.write(answer.rows_returned)} of {total}. Search to find any of them.")


def _hits(reading: Reading, text: str, fields: list[str]) -> None:
    answer = find_customers(reading, text, limit=SHOWN_HITS)
    if not answer.rows_returned:
        _no_hit(text, fields)
    elif answer.rows_available == 1:
        _profile(reading, get_history(reading, str(answer.table["customer_id"][0])))
    else:
        _many_hits(answer, _find(reading, text), text, reading)


def _no_hit(text: str, fields: list[str]) -> None:
    known = " or ".join(FIELD_NAMES[name] for name in fields)
    missing = [FIELD_NAMES[name] for name in FIELD_NAMES if name not in fields]
    hint = f" This dataset has no {' and no '.join(missing)} to search in." if missing else ""
    frame.notice(
        f"No customer matches “{text}”.",
        f"Try fewer characters: any part of the {known} finds a customer, in upper or lower case.{hint}",
    )


def _many_hits(answer: SemanticResult, exact: CustomerProfile | None, text: str, reading: Reading) -> None:
    figures = reading.figures
    st.subheader(f"{counted(answer.rows_available, 'customer', figures)} match “{as_markdown(text)}”", anchor=False)
    if exact is not None:
        st.button(
            f"Open {as_markdown(exact.name)}, whose id this is",
            icon=":material/person:",
            on_click=_choose,
            args=(exact.customer_id,),
            key="exact",
        )
    _pick_list(answer, figures)
    if answer.truncated:
        _note(
            f"The {figures.write(answer.rows_returned)} with the largest lifetime value of "
            f"{figures.write(answer.rows_available)}. Type more characters to see fewer."
        )


def _pick_list(answer: SemanticResult, figures: Figures) -> None:
    with st.container(key="picks", gap=None):
        for row in answer.table.to_pylist():
            _pick(row, figures)


def _pick(row: dict[str, Any], figures: Figures) -> None:
    customer_id = row["customer_id"]
    name = as_markdown(row["full_name"] or f"Customer {customer_id}")
    aside = [as_markdown(part) for part in (row["full_name"] and customer_id, row["email"], row["country"]) if part]
    value = as_markdown(figures.write(row["lifetime_value"], "currency"))
    st.button(
        f"**{name}** :gray[{' · '.join(aside)}] {value}",
        key=f"pick-{customer_id}",
        type="tertiary",
        width="stretch",
        on_click=_choose,
        args=(customer_id,),
    )


def _profile(reading: Reading, history: CustomerHistory) -> None:
    profile = history.profile
    st.set_page_config(page_title=f"{profile.name} · Customer360")
    _header(profile)
    if profile.values["total_transactions"]:
        _key_figures(profile.values, reading.figures)
        _spending(reading, profile.customer_id)
    _future(reading, profile)
    _details(profile, reading.figures)
    _identities(reading, profile)
    _versions(history.versions, reading.figures)
    _transactions(reading, profile)


def _header(profile: CustomerProfile) -> None:
    values = profile.values
    place = list(dict.fromkeys(str(values[name]) for name in PLACE if values[name]))
    aside = [f"Id {profile.customer_id}"] if values["full_name"] else []
    line = " · ".join(as_html(part) for part in [*aside, ", ".join(place)] if part)
    with st.container(key="who", horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<h1 class="c360-name">{as_html(profile.name)}</h1>', width="content")
        if not values["total_transactions"]:
            st.badge("No transactions", color="gray")
        elif values["recency_status"]:
            icon, color = BADGES.get(values["recency_status"], (":material/info:", "gray"))
            st.badge(as_markdown(values["recency_status"]), icon=icon, color=color)  # type: ignore[arg-type]
    if line:
        st.html(f'<p class="c360-aside">{line}</p>')


def _key_figures(values: dict[str, Any], figures: Figures) -> None:
    money = _money(values, figures)
    difference, compared = change(values, figures)
    first = figures.write(values["first_transaction_date"])
    with st.container(key="kpis"):
        _card("Lifetime value", money("lifetime_value"), f"Net of returns, since {first}")
        _card("Spend, last 90 days", money("spend_last_90_days"), compared, difference)
        _card("Average monthly spend", money("avg_monthly_spend"), "Over every month since the first")
        if values["order_count"] is not None:
            orders = f"{money('avg_order_value')} on average"
            _card("Orders", figures.write(values["order_count"]), orders)
        transactions = counted(values["total_transactions"], "transaction", figures)
        _card("Average transaction", money("avg_transaction_value"), transactions)
        since = counted(values["days_since_last_transaction"], "day", figures)
        _card("Since the last transaction", since, f"Was on {figures.write(values['last_transaction_date'])}")


def _money(values: dict[str, Any], figures: Figures) -> Callable[[str], str]:
    return lambda name: figures.write(values[name], "currency")


def _card(label: str, value: str, note: str, difference: str = "") -> None:
    falls = difference.startswith(("-", "−"))
    mark = f'<span class="c360-{"down" if falls else "up"}">{"▼" if falls else "▲"} {as_html(difference)}</span> '
    st.html(
        f'<div class="c360-card"><div class="c360-label">{label}</div><div class="c360-value">{as_html(value)}</div>'
        f'<div class="c360-note">{mark if difference else ""}{as_html(note)}</div></div>'
    )


def _spending(reading: Reading, customer_id: str) -> None:
    answer, figures, as_of = monthly_spending(reading, customer_id), reading.figures, reading.record.as_of
    months = answer.table.to_pylist()
    st.subheader("Net spend by month", anchor=False)
    if not months:
        _note("No transactions to show.")
        return
    st.plotly_chart(
        spending_chart(months, as_of=as_of, figures=figures),
        key="trend",
        config={"displayModeBar": False},
        alt=f"Bar chart of net spend in {figures.currency} by month; the table below it has the figures.",
    )
    if is_running(months[-1]["transaction_date_month"], as_of):
        _note(f"The hatched month is not over: it counts transactions up to {figures.write(as_of)}.")
    with st.expander("The same figures as a table"):
        grid.show(answer, figures, labels=MONTHS)


def _future(reading: Reading, profile: CustomerProfile) -> None:
    """Show how likely the customer is to leave and why, and what they are expected to be worth."""
    values, figures = profile.values, reading.figures
    if "churn_risk_category" not in values:
        return
    st.subheader("What to expect", anchor=False)
    explained = explain_profile(reading, profile)
    with st.container(key="future"):
        _risk_card(explained, figures)
        if values.get("expected_spend_next_12_months") is not None:
            money = _money(values, figures)
            name = "expected_spend_next_12_months"
            span = f"95 % of futures: {money(f'{name}_low')} to {money(f'{name}_high')}"
            _card("Expected spend, 12 months", money(name), span)
            margin = "expected_margin_next_12_months"
            span = f"95 % of futures: {money(f'{margin}_low')} to {money(f'{margin}_high')}"
            _card("Expected margin, 12 months", money(margin), span)
    reasons = [reason for reason in explained.reasons if reason.direction]
    if reasons:
        st.html(f'<ol class="c360-reasons">{"".join(map(_reason, reasons))}</ol>')
        _note("What weighs most in the score. It is what goes with leaving among customers alike, not what causes it.")


def _risk_card(explained: ChurnExplanation, figures: Figures) -> None:
    if explained.probability is None:
        _card("Risk to leave", "Not Scored", explained.not_scored_reason or "No model yet")
        return
    likely = figures.write(100 * explained.probability, "percent").lstrip("+")
    within = f"{likely} likely within {explained.within_days} days"
    _card("Risk to leave", explained.category, f"Score {explained.score} of 100; {within}")


def _reason(reason: Reason) -> str:
    falls = reason.contribution < 0
    mark = f'<span class="c360-{"up" if falls else "down"}">{"▼" if falls else "▲"} {reason.direction}</span>'
    return f"<li>{as_html(reason.text[:1].upper() + reason.text[1:])} {mark}</li>"


def _details(profile: CustomerProfile, figures: Figures) -> None:
    units = {column.name: column.unit for column in profile.answer.columns}
    known = {name: profile.values[name] for name in DETAILS if profile.values.get(name) is not None}
    drawn = (profile.values.get("simulated_fields") or "").split(", ")
    items = "".join(
        f"<div><dt>{DETAILS[name]}{DRAWN if name in drawn else ''}</dt>"
        f"<dd>{as_html(figures.write(value, units[name]))}</dd></div>"
        for name, value in known.items()
    )
    if items:
        st.subheader("About this customer", anchor=False)
        st.html(f'<dl class="c360-details">{items}</dl>')
    if any(drawn):
        _note("Values marked as simulated are drawn by weight, because nothing is known of them.")


def _identities(reading: Reading, profile: CustomerProfile) -> None:
    """Show the ids of a customer that a source behind an API gave; something is drawn of each of those."""
    if profile.values.get("is_simulated"):
        st.subheader("Known as", anchor=False)
        grid.show(list_identities(reading, profile.customer_id), reading.figures, labels=IDENTITIES)


def _versions(answer: SemanticResult, figures: Figures) -> None:
    if answer.rows_returned < 2:
        return
    attributes = {c.name: c.label.removeprefix("Version ").capitalize() for c in answer.columns}
    st.subheader("What changed over time", anchor=False)
    grid.show(answer, figures, labels=attributes | VERSIONS)


def _transactions(reading: Reading, profile: CustomerProfile) -> None:
    answer, figures = latest_transactions(reading, profile), reading.figures
    st.subheader("Latest transactions", anchor=False)
    if not answer.rows_returned:
        _note("No transactions to show.")
        return
    shown, all_of_them = figures.write(answer.rows_returned), counted(answer.rows_available, "transaction", figures)
    _note(f"The newest {shown} of {all_of_them}." if answer.truncated else f"All {all_of_them}, newest first.")
    grid.show(answer, figures, labels=TRANSACTIONS, same_as=("attempted_amount", "transaction_amount"), vary=VARY)


def _note(text: str) -> None:
    st.html(f'<p class="c360-note">{as_html(text)}</p>')
