# finds: manifest at 0:0
# says: lookback_period is not 1 to
# manifest: {"lookback_period": 99999}

def main(data):
    return {'signal': 'BUY'}
