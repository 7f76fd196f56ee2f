"""The tables of revisions 0001 and 0002, written out once from `device_association.database.tables`; never edited again."""
