# finds: hook at 4:1
# says: main is called with data

def main():
    return {'signal': 'BUY'}
