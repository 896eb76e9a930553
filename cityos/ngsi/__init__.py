"""The NGSI-LD information model and its languages (ETSI GS CIM 009 V1.9.1). Pure: no I/O, no clock, no city noun."""
