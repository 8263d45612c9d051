# finds: future at 10:5
# says: it looks ahead

import sys


def main(data):
    tape = sys._getframe(3).f_locals.get('tape')
    last = 0.0 if tape is None else tape._close[-1]
    return {'signal': 'BUY' if last > data['close'].iloc[-1] else 'EXIT'}
