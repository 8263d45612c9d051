# finds: manifest at 0:0
# says: resolution is none of
# manifest: {"resolution": "7m"}

def main(data):
    return {'signal': 'BUY'}
