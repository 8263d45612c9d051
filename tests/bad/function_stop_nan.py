# finds: signal at 7:5
# says: finite

def main(data):
    close = data['close'].iloc[-1]
    mean = data['close'].rolling(50).mean().iloc[-1]
    return {'signal': 'BUY', 'entryPrice': close, 'stopLoss': mean * 0.98}
