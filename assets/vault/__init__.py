"""The vault: keys, encryption, pseudonyms, quarantine. Identifiers never leave this room in readable form."""
