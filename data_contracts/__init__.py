"""The vocabulary: what every feed, column, code, table, indicator, rule and sentence means.

Put here: YAML that defines things, and the small readers that turn it into typed objects.
Keep out: data, queries, arithmetic, drawing. Nothing here knows another room.
"""
