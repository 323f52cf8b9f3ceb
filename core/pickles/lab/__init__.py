"""The matter of the pickles lab: samples, planted payloads, other scanners, formats, a rehearsal."""
