"""Pure rules: money, states, decisions, events. Imports nothing of ours and does no I/O."""
