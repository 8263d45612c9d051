# finds: class at 0:0
# says: defines no strategy

class Mine:
    def on_candle(self, candle):
        return None
