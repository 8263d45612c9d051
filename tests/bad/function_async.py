# finds: hook at 4:1
# says: nothing is awaited in it

async def main(data):
    return {'signal': 'BUY'}
