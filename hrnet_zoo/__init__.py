"""hrnet-zoo: does this published checkpoint really give the number in the table?"""
