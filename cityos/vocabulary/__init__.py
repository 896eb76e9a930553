"""The city's nouns as typed classes, one file per family, each to and from an entity. Knows no SQL, HTTP or MQTT."""
