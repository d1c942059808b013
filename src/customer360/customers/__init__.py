"""Who a customer is: find, list and look at customers of one build."""

from customer360.customers.churn import ChurnExplanation, Reason, explain_churn, explain_profile
from customer360.customers.listing import CustomerPage, list_customers
from customer360.customers.profiles import (
    CustomerHistory,
    CustomerProfile,
    find_customers,
    get_customer,
    get_history,
    latest_transactions,
    list_identities,
    list_search_fields,
    list_versions,
    monthly_spending,
)

__all__ = [
    "ChurnExplanation",
    "CustomerHistory",
    "CustomerPage",
    "CustomerProfile",
    "Reason",
    "explain_churn",
    "explain_profile",
    "find_customers",
    "get_customer",
    "get_history",
    "latest_transactions",
    "list_customers",
    "list_identities",
    "list_search_fields",
    "list_versions",
    "monthly_spending",
]
