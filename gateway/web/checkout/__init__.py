"""The checkout: what shoppers see and do, known by the unguessable ids of orders and payments."""
