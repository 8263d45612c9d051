# finds: memory at 9:5
# says: COUNT did not come back

COUNT = 0


def main(data):
    global COUNT
    COUNT += 1
    return {'signal': 'BUY' if COUNT % 70 == 0 else 'EXIT' if COUNT % 35 == 0 else 'HOLD'}
