# finds: signal at 5:5
# says: is none of BUY, SELL

def main(data):
    return {'signal': 'PERHAPS'}
