# finds: manifest at 0:0
# says: has the wrong type
# manifest: {"instrument": 5}

def main(data):
    return {'signal': 'BUY'}
