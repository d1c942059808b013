"""What the bank's customers buy: fifty category codes and their merchants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from faker import Faker

LEISURE, NECESSITIES, OTHER, TRAVEL = range(4)
"""The four groups customers divide their spend over; travel is reported within Leisure and flagged."""

GROUP_NAMES = ("Leisure", "Necessities", "Other", "Leisure")
MERCHANTS_PER_CATEGORY = 40


@dataclass(frozen=True)
class Category:
    """One category code; ``ticket`` is its size relative to others, ``weight`` how often it is bought in its group."""

    name: str
    parent: str
    group: int
    ticket: float
    weight: float
    endings: tuple[str, ...]


def _category(name: str, parent: str, group: int, ticket: float, weight: float, *endings: str) -> Category:
    return Category(name, parent, group, ticket, weight, endings)


CATEGORIES: tuple[Category, ...] = (
    _category("Supermarkets", "Grocery", NECESSITIES, 1.0, 26, "Market", "Foods", "Grocers"),
    _category("Convenience Stores", "Grocery", NECESSITIES, 0.46, 8, "Corner Store", "Quick Stop"),
    _category("Warehouse Clubs", "Grocery", NECESSITIES, 1.55, 5, "Wholesale Club", "Warehouse"),
    _category("Bakeries", "Grocery", NECESSITIES, 0.41, 4, "Bakery", "Bread Company"),
    _category("Gas Stations", "Fuel", NECESSITIES, 0.68, 18, "Fuel", "Gas & Go", "Petroleum"),
    _category("EV Charging", "Fuel", NECESSITIES, 0.5, 2, "Charging", "Volt Stations"),
    _category("Electricity", "Utilities", NECESSITIES, 1.42, 3, "Power & Light", "Electric"),
    _category("Water and Waste", "Utilities", NECESSITIES, 0.92, 2, "Water Works", "Sanitation"),
    _category("Internet and Phone", "Utilities", NECESSITIES, 1.07, 5, "Telecom", "Wireless", "Broadband"),
    _category("Pharmacies", "Healthcare", NECESSITIES, 0.59, 7, "Pharmacy", "Drugs"),
    _category("Doctors", "Healthcare", NECESSITIES, 1.49, 3, "Family Practice", "Medical Group"),
    _category("Dentists", "Healthcare", NECESSITIES, 1.68, 1.5, "Dental", "Orthodontics"),
    _category("Opticians", "Healthcare", NECESSITIES, 1.55, 1, "Vision Center", "Optical"),
    _category("Public Transit", "Transportation", NECESSITIES, 0.41, 6, "Transit", "Metro Lines"),
    _category("Taxis and Ride Sharing", "Transportation", NECESSITIES, 0.5, 4, "Cab Company", "Rides"),
    _category("Parking and Tolls", "Transportation", NECESSITIES, 0.35, 4, "Parking", "Toll Authority"),
    _category("Rent and Housing", "Housing", NECESSITIES, 2.28, 1.5, "Property Management", "Residences"),
    _category("Storage and Moving", "Housing", NECESSITIES, 1.49, 0.7, "Self Storage", "Movers"),
    _category("Car Insurance", "Insurance", NECESSITIES, 1.62, 1.5, "Auto Insurance", "Assurance"),
    _category("Health Insurance", "Insurance", NECESSITIES, 1.93, 1.2, "Health Plans", "Mutual"),
    _category("Schools and Colleges", "Education", NECESSITIES, 2.05, 0.8, "College", "Academy"),
    _category("Books and Courses", "Education", NECESSITIES, 0.77, 2, "Books", "Learning"),
    _category("Airlines", "Travel", TRAVEL, 1.93, 24, "Airways", "Air Lines", "Air"),
    _category("Hotels and Resorts", "Travel", TRAVEL, 1.68, 34, "Hotels", "Resort", "Inn & Suites"),
    _category("Car Rental", "Travel", TRAVEL, 1.22, 16, "Rent-a-Car", "Car Hire"),
    _category("Cruise Lines", "Travel", TRAVEL, 2.39, 3, "Cruises", "Cruise Line"),
    _category("Travel Agencies", "Travel", TRAVEL, 1.55, 12, "Travel", "Tours"),
    _category("Restaurants", "Dining", LEISURE, 0.85, 24, "Grill", "Bistro", "Kitchen", "Trattoria"),
    _category("Fast Food", "Dining", LEISURE, 0.41, 20, "Burgers", "Tacos", "Pizza"),
    _category("Coffee Shops", "Dining", LEISURE, 0.3, 16, "Coffee", "Espresso Bar"),
    _category("Bars and Nightlife", "Dining", LEISURE, 0.77, 5, "Tavern", "Taproom", "Lounge"),
    _category("Cinemas and Theatres", "Entertainment", LEISURE, 0.59, 5, "Cinema", "Theatre"),
    _category("Concerts and Events", "Entertainment", LEISURE, 1.36, 3, "Tickets", "Arena"),
    _category("Streaming and Games", "Entertainment", LEISURE, 0.35, 10, "Streaming", "Games"),
    _category("Clothing Stores", "Clothing", LEISURE, 1.0, 9, "Apparel", "Outfitters"),
    _category("Shoe Stores", "Clothing", LEISURE, 1.0, 3, "Shoes", "Footwear"),
    _category("Jewellery and Watches", "Clothing", LEISURE, 2.28, 1, "Jewelers", "Timepieces"),
    _category("Electronics Stores", "Electronics", LEISURE, 1.93, 3, "Electronics", "Digital"),
    _category("Software and Apps", "Electronics", LEISURE, 0.5, 4, "Software", "Apps"),
    _category("Sporting Goods", "Sports and Hobbies", LEISURE, 1.07, 3, "Sports", "Outdoors"),
    _category("Gyms and Clubs", "Sports and Hobbies", LEISURE, 0.85, 4, "Fitness", "Athletic Club"),
    _category("Hobby and Craft Stores", "Sports and Hobbies", LEISURE, 0.68, 3, "Crafts", "Hobbies"),
    _category("Beauty and Spas", "Beauty and Wellness", LEISURE, 0.92, 4, "Salon", "Day Spa"),
    _category("Hardware Stores", "Home and Garden", OTHER, 1.0, 10, "Hardware", "Home Supply"),
    _category("Furniture Stores", "Home and Garden", OTHER, 2.16, 3, "Furniture", "Interiors"),
    _category("Legal and Accounting", "Professional Services", OTHER, 1.93, 2, "Law Group", "Accounting"),
    _category("Government Services", "Government and Charity", OTHER, 1.0, 3, "County Clerk", "Licensing Office"),
    _category("Charities", "Government and Charity", OTHER, 0.68, 4, "Foundation", "Relief Fund"),
    _category("Pet Shops and Vets", "Pets", OTHER, 0.85, 6, "Pet Supply", "Animal Clinic"),
    _category("Car Repair and Parts", "Automotive", OTHER, 1.42, 5, "Auto Repair", "Auto Parts"),
)


def category_id(index: int) -> str:
    """Return the code of the category at a position of ``CATEGORIES``."""
    return f"MC{index + 1:03d}"


def build_merchants(seed: int) -> list[str]:
    """Return ``MERCHANTS_PER_CATEGORY`` distinct names per category, in the order of the categories."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    return [name for category in CATEGORIES for name in _merchant_names(fake, category)]


def _merchant_names(fake: Faker, category: Category) -> list[str]:
    surnames = _distinct_surnames(fake)
    return [
        f"{next(surnames)} {category.endings[index % len(category.endings)]}" for index in range(MERCHANTS_PER_CATEGORY)
    ]


def _distinct_surnames(fake: Faker) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        surname = fake.last_name()
        if surname not in seen:
            seen.add(surname)
            yield surname


def merchant_weights() -> list[float]:
    """Return how often the merchants of a category are visited, most popular first."""
    return [float(weight) for weight in 1.0 / (np.arange(MERCHANTS_PER_CATEGORY) + 2.0)]
