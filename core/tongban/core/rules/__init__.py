"""Field rules: what the contracts demand of a message before a node takes it.

The rules stand in the contracts themselves (``rules/v1/rules.proto``). `validate` applies them; `rules_of` shows them
as data, for documentation and for tests.
"""

from tongban.core.rules.compiler import validate
from tongban.core.rules.contract import rules_of
from tongban.core.rules.rule import FieldRule, RuleKind

__all__ = ["FieldRule", "RuleKind", "rules_of", "validate"]
