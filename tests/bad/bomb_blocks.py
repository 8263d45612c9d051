# finds: syntax at 24:21
# says: too many statically nested blocks

for _ in ():
 for _ in ():
  for _ in ():
   for _ in ():
    for _ in ():
     for _ in ():
      for _ in ():
       for _ in ():
        for _ in ():
         for _ in ():
          for _ in ():
           for _ in ():
            for _ in ():
             for _ in ():
              for _ in ():
               for _ in ():
                for _ in ():
                 for _ in ():
                  for _ in ():
                   for _ in ():
                    for _ in ():
                     for _ in ():
                      for _ in ():
                       for _ in ():
                        for _ in ():
                         for _ in ():
                          for _ in ():
                           for _ in ():
                            for _ in ():
                             for _ in ():
                              for _ in ():
                               for _ in ():
                                for _ in ():
                                 for _ in ():
                                  for _ in ():
                                   for _ in ():
                                    for _ in ():
                                     for _ in ():
                                      for _ in ():
                                       for _ in ():
                                        pass
