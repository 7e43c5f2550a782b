"""Materials 申请材料: files named by their digest, in a folder beside the database.

materials/MEMBER/DIGEST whole materials, apart for each member that gave them; the own member's windows among them
materials/uploads/WINDOW/DIGEST what a window has brought, until a case names it materials/fetches/MEMBER/DIGEST what
has come from a peer so far
"""
