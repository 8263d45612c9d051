# finds: class at 0:0
# says: defines no strategy

fast, slow = 10, 30
