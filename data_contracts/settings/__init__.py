"""Settings of a home: what registries and rules may say, one module for each document, resolved for one home.

Documents: `home`, `limits`, `counting` (measures, indicators, rule sets), `services`, `policies`, `scoring`, `risk`,
`allocation`. `resolved`: all of them together. `agreement`: what they must agree on. `loading`: package defaults and
the home's own entries. `guards`: exceptions of indices that money follows, and whether they are signed. Keep out:
applying them (assets.compute, evaluations) and delivered data.
"""
