"""The synthetic people and firms of the demonstration: their numbers are right, and cannot belong to anybody."""

from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id
from tongban.core.items import Party

CHONGMING, QIDONG, HANGZHOU = "310151", "320681", "330100.gjj"

FIRM = Party("启东虚构船用五金有限公司", synthetic_credit_code("320681", 7), is_organisation=True)
"""The firm that changes its address; it is registered in 启东."""

AGENT = Party("沙洲甲", synthetic_resident_id("310151", 7))
"""Who comes to the window in 崇明 for the firm 经办人."""

BORROWER = Party("钱塘甲", synthetic_resident_id("330106", 1))
"""Who has paid off a housing-fund loan in 杭州."""
