"""The store of findings for a person, and loops that report a failing item as a finding and go on."""
