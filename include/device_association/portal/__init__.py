"""Read models of the screens and the API, limited to the rows that a person may see."""
