# whit: `make demo` and `make test` are all that a newcomer needs; both set up what they use.
