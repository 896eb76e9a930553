"""The one outgoing HTTP door."""
