"""Conservation: are the forces the derivative of an energy?"""
