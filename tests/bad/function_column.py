# finds: raised at 5:5
# says: KeyError

def main(data):
    return {'signal': 'BUY' if data['Close'].iloc[-1] > 1 else 'SELL'}
