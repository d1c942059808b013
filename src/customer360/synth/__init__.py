"""The synthetic bank: files in a source layout, a pure function of the specification and its seed.

A customer's attributes, changes and transactions depend on the seed and the customer's number alone, so customer 17 is
the same at any scale, and buys the same at equal density. What is approximate: the number of transactions (random, near
its target), spend where density is so low that tickets reach 500, and who leaves when: whoever leaves in the last 160
days is of the segment Declining. Merchants are national, the hour of purchase ignores the merchant, every row is a
purchase, and nobody takes a product other than a card twice. What is owed on cards and paid for loans is not drawn.
"""

from customer360.synth.bank import BankFiles, generate_bank
from customer360.synth.spec import SCALES, BankSpec, get_scale

__all__ = ["SCALES", "BankFiles", "BankSpec", "generate_bank", "get_scale"]
