"""The case 办件: acts and events, the machine that allows steps, and the fold that tells where a case stands."""
