"""From statistics to a decision: evidence groups, ledger, ladder, judge. Pure."""
