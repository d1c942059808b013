"""What a company offers: its catalogue, and who holds what."""

from customer360.products.catalogue import PRODUCT_FIELDS, get_product, list_products
from customer360.products.holdings import HOLDING_FIELDS, list_holdings

__all__ = ["HOLDING_FIELDS", "PRODUCT_FIELDS", "get_product", "list_holdings", "list_products"]
