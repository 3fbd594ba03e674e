"""What actors depend on: the vocabulary of WhatsApp and of storage, as values and Protocols.

Nothing here does I/O. `providers` implement `session.Provider`; `db` implements `store`.
"""
